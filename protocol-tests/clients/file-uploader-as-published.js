// File upload component
class FileUploader {
  constructor(socket, apiUrl, token) {
    this.socket = socket;
    this.apiUrl = apiUrl;
    this.token = token;
  }
  
  async sendMessage(file, conversationId, caption = null) {
    // Determine if we should use HTTP or Socket.IO
    const fileSize = file.size;
    const useSockets = fileSize < 5 * 1024 * 1024; // 5MB threshold
    
    if (useSockets && file.type.startsWith('image/')) {
      // Small image - can use Socket.IO
      return this.uploadViaSocket(file, conversationId, caption);
    } else {
      // Large file or video - use HTTP
      return this.uploadViaHTTP(file, conversationId, caption);
    }
  }
  
  async uploadViaHTTP(file, conversationId, caption) {
    const formData = new FormData();
    formData.append('file', file);
    formData.append('conversation_id', conversationId);
    if (caption) formData.append('content', caption);
    
    const response = await fetch(`${this.apiUrl}/messages/upload`, {
      method: 'POST',
      headers: {
        'Authorization': `Bearer ${this.token}`
      },
      body: formData
    });
    
    if (!response.ok) {
      throw new Error(`Upload failed: ${response.status}`);
    }
    
    const data = await response.json();
    return data.message;
  }
  
  uploadViaSocket(file, conversationId, caption) {
    return new Promise((resolve, reject) => {
      const reader = new FileReader();
      
      reader.onload = () => {
        const base64 = reader.result.split(',')[1];
        
        this.socket.emit('send_message', {
          conversation_id: conversationId,
          content: caption,
          type: file.type.startsWith('image/') ? 'image' : 'file',
          file_name: file.name,
          file_data: base64
        });
        
        // Listen for confirmation
        this.socket.once('new_message', (message) => {
          resolve(message);
        });
      };
      
      reader.onerror = reject;
      reader.readAsDataURL(file);
    });
  }
}
